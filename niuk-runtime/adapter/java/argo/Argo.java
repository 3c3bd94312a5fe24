package argo;

import com.google.gson.JsonObject;

import argo.function.JsonReader;
import argo.function.JsonWriter;
import argo.isolate.Calls;

/** The client inside a function. */
public final class Argo {

    private Argo() {
    }

    /**
     * Calls another action and waits for its result.
     *
     * @param action name as the API takes it: "name", "package/name" or "/namespace/package/name"
     * @throws ActionFailed when it ended with an error; `reply()` is the error object
     */
    public static JsonObject invoke(String action, JsonObject params) throws ActionFailed {
        return JsonReader.read(Calls.invoke(action, JsonWriter.write(params))).getAsJsonObject();
    }

    /**
     * The same without a parser: bytes in, bytes out.
     *
     * @param params a JSON object in UTF-8
     * @return the result, a JSON object in UTF-8
     */
    public static byte[] invoke(String action, byte[] params) throws ActionFailed {
        return Calls.invoke(action, params);
    }
}
