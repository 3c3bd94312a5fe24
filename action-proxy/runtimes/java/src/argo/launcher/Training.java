package argo.launcher;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

/** Loads every class that a start, an init and a run need, so that the JVM can archive them. */
final class Training {
    /** After them there are classes for what is called by reflection: the function once a run, and variables (see rehearse). */
    private static final int RUNS = 17;

    private Training() {
    }

    static void run(Path jar, String main) throws IOException, InterruptedException {
        Path socket = Files.createTempDirectory("train-").resolve("socket");
        ServerSocketChannel server = Main.listen("unix:" + socket);
        Thread serving = new Thread(() -> {
            try {
                Main.serve(server, new Launcher()::route);
            } catch (IOException closed) {
                // trained
            }
        });
        serving.start();
        post(socket, "/init", initMessage(jar, main));
        for (int run = 0; run < RUNS; run++) {
            post(socket, "/run", runMessage("{\"name\":\"a\"}"));
        }
        post(socket, "/run", runMessage("{\"fail\":true}"));
        server.close();
        serving.join();
    }

    private static String runMessage(String value) {
        StringBuilder message = new StringBuilder("{\"value\":" + value);
        for (String field : Launcher.RUN_FIELDS) {
            message.append(",\"").append(field).append("\":\"1\"");
        }
        return message.append('}').toString();
    }

    private static String initMessage(Path jar, String main) throws IOException {
        JsonObject value = new JsonObject();
        value.addProperty("main", main);
        value.addProperty("binary", true);
        value.addProperty("code", Base64.getEncoder().encodeToString(Files.readAllBytes(jar)));
        JsonObject env = new JsonObject();
        env.addProperty("__OW_ACTION_NAME", "/argo/train");
        value.add("env", env);
        JsonObject message = new JsonObject();
        message.add("value", value);
        return message.toString();
    }

    private static void post(Path socket, String path, String body) throws IOException {
        byte[] content = body.getBytes(StandardCharsets.UTF_8);
        String head = "POST " + path + " HTTP/1.1\r\nConnection: close\r\nContent-Length: " + content.length + "\r\n\r\n";
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            channel.write(ByteBuffer.wrap(head.getBytes(StandardCharsets.US_ASCII)));
            channel.write(ByteBuffer.wrap(content));
            ByteBuffer answer = ByteBuffer.allocate(64 * 1024);
            while (channel.read(answer) >= 0 && answer.hasRemaining()) {
                // to the end
            }
            System.out.println(new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8));
        }
    }
}
