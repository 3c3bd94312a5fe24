package argo;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URL;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;

/** The client inside a function. The same class as in a NIUk, where a call stays in the process; here it goes over the API. */
public final class Argo {
    private static final List<String> SUCCEEDED = List.of("success", "application error");
    private static final int MILLISECONDS = 70_000; // a blocking call is answered within a minute, at the latest that it goes on
    private static final int ACCEPTED = 202;

    private Argo() {}

    /**
     * Calls another action and waits for its result.
     *
     * @param action name as the API takes it: "name", "package/name" or "/namespace/package/name"
     * @throws ActionFailed when it ended with an error; {@code reply()} is the error object
     */
    public static JsonObject invoke(String action, JsonObject params) throws ActionFailed {
        return result(action, bytes(params)).getAsJsonObject();
    }

    /** The same with JSON in UTF-8 on both sides. */
    public static byte[] invoke(String action, byte[] params) throws ActionFailed {
        return bytes(result(action, params));
    }

    private static JsonElement result(String action, byte[] params) throws ActionFailed {
        String host = System.getenv("__OW_API_HOST");
        String key = System.getenv("__OW_API_KEY");
        if (host == null || key == null) {
            throw failed("argo.invoke: this sandbox has no API host and key");
        }
        try {
            HttpURLConnection call = (HttpURLConnection) new URL(host + path(action)).openConnection();
            return read(call, key, params);
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }

    private static JsonElement read(HttpURLConnection call, String key, byte[] params) throws IOException, ActionFailed {
        call.setConnectTimeout(MILLISECONDS);
        call.setReadTimeout(MILLISECONDS);
        call.setRequestProperty("Content-Type", "application/json");
        call.setRequestProperty("Authorization", "Basic " + Base64.getEncoder().encodeToString(key.getBytes(StandardCharsets.UTF_8)));
        call.setDoOutput(true);
        try (OutputStream out = call.getOutputStream()) {
            out.write(params);
        }
        int status = call.getResponseCode();
        try (InputStream in = status < HttpURLConnection.HTTP_BAD_REQUEST ? call.getInputStream() : call.getErrorStream()) {
            return outcome(status, parsed(status, in == null ? new byte[0] : in.readAllBytes()));
        }
    }

    private static JsonElement outcome(int status, JsonObject answer) throws ActionFailed {
        JsonObject response = answer.getAsJsonObject("response");
        if (response == null) {
            if (status == ACCEPTED) {
                answer.addProperty("error", "The called action did not end in time.");
            }
            throw new ActionFailed(bytes(answer));
        }
        if (!SUCCEEDED.contains(response.get("status").getAsString())) {
            throw new ActionFailed(bytes(response.get("result")));
        }
        return response.get("result");
    }

    private static JsonObject parsed(int status, byte[] body) throws ActionFailed {
        try {
            return JsonParser.parseString(new String(body, StandardCharsets.UTF_8)).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException none) {
            throw failed("The API answered " + status + " without JSON.");
        }
    }

    private static String path(String action) {
        String[] parts = (action.startsWith("/") ? action.substring(1) : "_/" + action).split("/");
        String rest = Arrays.stream(parts).skip(1).map(Argo::encoded).collect(Collectors.joining("/"));
        return "/api/v1/namespaces/" + encoded(parts[0]) + "/actions/" + rest + "?blocking=true";
    }

    private static String encoded(String part) {
        return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static ActionFailed failed(String words) {
        JsonObject reply = new JsonObject();
        reply.addProperty("error", words);
        return new ActionFailed(bytes(reply));
    }

    private static byte[] bytes(JsonElement value) {
        return value.toString().getBytes(StandardCharsets.UTF_8);
    }
}
