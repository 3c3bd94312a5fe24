package argo;

import java.nio.charset.StandardCharsets;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import argo.isolate.ActionFailed;
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
    @SuppressWarnings("deprecation") // the one parser that every Gson has
    public static JsonObject invoke(String action, JsonObject params) throws ActionFailed {
        byte[] result = Calls.invoke(action, params.toString().getBytes(StandardCharsets.UTF_8));
        return new JsonParser().parse(new String(result, StandardCharsets.UTF_8)).getAsJsonObject();
    }
}
