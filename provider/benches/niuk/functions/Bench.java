import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.zip.Deflater;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

import argo.Argo;

/**
 * The functions of the benches, in one class, so that one image holds them all. Parameter "f" names one; "repeat" asks for that many
 * rounds of it, whose nanoseconds come back as "ns": the function alone, without its transport.
 */
public final class Bench {
    private static final int NODES = 1000;
    private static final int EDGES = 8;
    private static final int HASHED = 16 * 1024;
    private static final int COMPRESSED = 16 * 1024;

    private Bench() {
    }

    public static JsonObject main(JsonObject params) throws Exception {
        String name = params.has("f") ? params.get("f").getAsString() : "hello";
        if (name.equals("relay")) {
            return relay(params);
        }
        UnaryOperator<JsonObject> function = function(name);
        if (!params.has("repeat")) {
            return function.apply(params);
        }
        int rounds = params.get("repeat").getAsInt();
        long began = System.nanoTime();
        for (int i = 0; i < rounds; i++) {
            function.apply(params);
        }
        JsonObject answer = new JsonObject();
        answer.addProperty("ns", System.nanoTime() - began);
        return answer;
    }

    private static UnaryOperator<JsonObject> function(String name) {
        switch (name) {
            case "hello":
                return Bench::hello;
            case "echo":
                return params -> params;
            case "json":
                return Bench::json;
            case "hash":
                return Bench::hash;
            case "bfs":
                return Bench::bfs;
            case "template":
                return Bench::template;
            case "compress":
                return Bench::compress;
            default:
                throw new IllegalArgumentException("no function " + name);
        }
    }

    /** Calls the action "to" that many times with "payload"; nanoseconds of all calls. "raw": with bytes that this side does not parse. */
    private static JsonObject relay(JsonObject params) throws Exception {
        String to = params.get("to").getAsString();
        int rounds = params.get("rounds").getAsInt();
        JsonObject message = new JsonObject();
        message.addProperty("f", "echo");
        message.addProperty("payload", "x".repeat(params.get("bytes").getAsInt()));
        JsonArray samples = new JsonArray();
        byte[] bytes = params.has("raw") ? message.toString().getBytes(StandardCharsets.UTF_8) : null;
        for (int i = 0; i < rounds; i++) {
            long began = System.nanoTime();
            boolean echoed = bytes == null ? Argo.invoke(to, message).has("payload") : Argo.invoke(to, bytes).length == bytes.length;
            samples.add(System.nanoTime() - began);
            if (!echoed) {
                throw new IllegalStateException("no echo");
            }
        }
        JsonObject answer = new JsonObject();
        answer.add("ns", samples);
        return answer;
    }

    private static JsonObject hello(JsonObject params) {
        JsonObject answer = new JsonObject();
        answer.addProperty("greeting", "Hello, " + (params.has("name") ? params.get("name").getAsString() : "stranger") + "!");
        return answer;
    }

    /** Totals of the records by group. */
    private static JsonObject json(JsonObject params) {
        Map<String, double[]> totals = new TreeMap<>();
        for (JsonElement each : params.getAsJsonArray("records")) {
            JsonObject one = each.getAsJsonObject();
            double[] total = totals.computeIfAbsent(one.get("group").getAsString(), group -> new double[2]);
            total[0] += one.get("value").getAsDouble();
            total[1]++;
        }
        JsonArray groups = new JsonArray();
        for (Map.Entry<String, double[]> each : totals.entrySet()) {
            JsonObject group = new JsonObject();
            group.addProperty("group", each.getKey());
            group.addProperty("total", each.getValue()[0]);
            group.addProperty("mean", each.getValue()[0] / each.getValue()[1]);
            groups.add(group);
        }
        JsonObject answer = new JsonObject();
        answer.add("groups", groups);
        return answer;
    }

    private static JsonObject hash(JsonObject params) {
        byte[] data = text(HASHED);
        StringBuilder hex = new StringBuilder();
        try {
            for (byte each : MessageDigest.getInstance("SHA-256").digest(data)) {
                hex.append(Character.forDigit(each >> 4 & 15, 16)).append(Character.forDigit(each & 15, 16));
            }
        } catch (NoSuchAlgorithmException absent) {
            throw new IllegalStateException(absent);
        }
        JsonObject answer = new JsonObject();
        answer.addProperty("sha256", hex.toString());
        return answer;
    }

    /** Distances from node 0 in a graph of {@code NODES} nodes. */
    private static JsonObject bfs(JsonObject params) {
        int[][] edges = new int[NODES][EDGES];
        int seed = 42;
        for (int[] of : edges) {
            for (int i = 0; i < EDGES; i++) {
                seed = seed * 1103515245 + 12345;
                of[i] = (seed >>> 8) % NODES;
            }
        }
        int[] distance = new int[NODES];
        java.util.Arrays.fill(distance, -1);
        ArrayDeque<Integer> next = new ArrayDeque<>();
        next.add(0);
        distance[0] = 0;
        int reached = 0;
        int sum = 0;
        while (!next.isEmpty()) {
            int node = next.remove();
            reached++;
            sum += distance[node];
            for (int to : edges[node]) {
                if (distance[to] < 0) {
                    distance[to] = distance[node] + 1;
                    next.add(to);
                }
            }
        }
        JsonObject answer = new JsonObject();
        answer.addProperty("reached", reached);
        answer.addProperty("sum", sum);
        return answer;
    }

    private static JsonObject template(JsonObject params) {
        StringBuilder page = new StringBuilder("<table>\n");
        for (int row = 0; row < 60; row++) {
            page.append("  <tr><td>").append(row).append("</td><td>").append(escaped("a < b & \"c\" #" + row)).append("</td></tr>\n");
        }
        JsonObject answer = new JsonObject();
        answer.addProperty("html", page.append("</table>\n").toString());
        return answer;
    }

    private static String escaped(String text) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '<': out.append("&lt;"); break;
                case '>': out.append("&gt;"); break;
                case '&': out.append("&amp;"); break;
                case '"': out.append("&quot;"); break;
                default: out.append(c);
            }
        }
        return out.toString();
    }

    private static JsonObject compress(JsonObject params) {
        Deflater deflater = new Deflater();
        deflater.setInput(text(COMPRESSED));
        deflater.finish();
        byte[] out = new byte[COMPRESSED * 2];
        int length = deflater.deflate(out);
        deflater.end();
        JsonObject answer = new JsonObject();
        answer.addProperty("bytes", length);
        return answer;
    }

    private static byte[] text(int length) {
        StringBuilder text = new StringBuilder(length);
        for (int i = 0; text.length() < length; i++) {
            text.append("line ").append(i * 7919 % 1000).append(" of a text; ");
        }
        return text.substring(0, length).getBytes(StandardCharsets.UTF_8);
    }
}
