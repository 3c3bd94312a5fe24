import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

/** Calls the launcher of another sandbox over HTTP, "rounds" times; on one connection, or on a new one each time where "fresh". */
public final class HttpRelay {
    private static final int MOST_MILLISECONDS = 10_000;

    private HttpRelay() {
    }

    public static JsonObject main(JsonObject params) throws IOException {
        InetSocketAddress to = new InetSocketAddress(params.get("host").getAsString(), params.get("port").getAsInt());
        int rounds = params.get("rounds").getAsInt();
        boolean fresh = params.has("fresh");
        JsonObject message = new JsonObject();
        JsonObject value = new JsonObject();
        value.addProperty("f", "echo");
        value.addProperty("payload", "x".repeat(params.get("bytes").getAsInt()));
        message.add("value", value);
        JsonArray samples = new JsonArray();
        Socket socket = connected(to);
        for (int i = 0; i < rounds; i++) {
            long began = System.nanoTime();
            if (fresh) {
                socket = connected(to);
            }
            JsonObject reply = post(socket, message);
            if (fresh) {
                socket.close();
            }
            samples.add(System.nanoTime() - began);
            if (!reply.has("payload")) {
                throw new IllegalStateException("no echo: " + reply);
            }
        }
        socket.close();
        JsonObject answer = new JsonObject();
        answer.add("ns", samples);
        return answer;
    }

    private static Socket connected(InetSocketAddress to) throws IOException {
        Socket socket = new Socket();
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(MOST_MILLISECONDS);
        socket.connect(to, MOST_MILLISECONDS);
        return socket;
    }

    private static JsonObject post(Socket socket, JsonObject message) throws IOException {
        byte[] body = message.toString().getBytes(StandardCharsets.UTF_8);
        byte[] head = ("POST /run HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\nContent-Length: " + body.length + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII);
        byte[] request = new byte[head.length + body.length];
        System.arraycopy(head, 0, request, 0, head.length);
        System.arraycopy(body, 0, request, head.length, body.length);
        socket.getOutputStream().write(request);
        return JsonParser.parseString(new String(answer(socket), StandardCharsets.UTF_8)).getAsJsonObject();
    }

    private static byte[] answer(Socket socket) throws IOException {
        byte[] buffer = new byte[8192];
        int filled = 0;
        while (true) {
            int got = socket.getInputStream().read(buffer, filled, buffer.length - filled);
            if (got < 0) {
                throw new IOException("the connection ended");
            }
            filled += got;
            String head = new String(buffer, 0, filled, StandardCharsets.ISO_8859_1);
            int end = head.indexOf("\r\n\r\n");
            if (end >= 0) {
                return body(socket, head.substring(0, end), buffer, end + 4, filled);
            }
        }
    }

    private static byte[] body(Socket socket, String head, byte[] buffer, int start, int filled) throws IOException {
        int at = head.toLowerCase(java.util.Locale.ROOT).indexOf("content-length:");
        int line = head.indexOf('\r', at);
        int length = Integer.parseInt(head.substring(at + 15, line < 0 ? head.length() : line).trim());
        byte[] body = new byte[length];
        System.arraycopy(buffer, start, body, 0, filled - start);
        new DataInputStream(socket.getInputStream()).readFully(body, filled - start, length - (filled - start));
        return body;
    }
}
