package argo.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Keeps the JSON files up to date; each is replaced whole, so that a reader never sees half of one. */
final class Writer {
    private static final long MILLISECONDS = 1000;

    private Writer() {
    }

    static void start(Path folder) {
        Thread writer = new Thread(() -> keepWriting(folder), "argo-agent");
        writer.setDaemon(true);
        writer.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> write(folder), "argo-agent-end"));
    }

    private static void keepWriting(Path folder) {
        try {
            while (true) {
                Thread.sleep(MILLISECONDS);
                if (Record.takeChanged()) {
                    write(folder);
                }
            }
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    private static void write(Path folder) {
        try {
            Files.createDirectories(folder);
            synchronized (Record.class) {
                replace(folder.resolve("reflect-config.json"), reflection());
                replace(folder.resolve("resource-config.json"), resources());
                replace(folder.resolve("proxy-config.json"), proxies());
                replace(folder.resolve("serialization-config.json"), serialization());
            }
        } catch (IOException unwritable) {
            System.err.println("argo agent: " + folder + " cannot be written: " + unwritable.getMessage());
        }
    }

    private static void replace(Path file, String text) throws IOException {
        Path next = file.resolveSibling(file.getFileName() + ".next");
        Files.writeString(next, text);
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static String reflection() {
        List<String> entries = new ArrayList<>();
        for (Map.Entry<String, Record.Seen> entry : Record.TYPES.entrySet()) {
            Record.Seen seen = entry.getValue();
            StringBuilder text = new StringBuilder("{\"name\":").append(quote(entry.getKey()));
            seen.flags.forEach(flag -> text.append(',').append(quote(flag)).append(":true"));
            if (!seen.methods.isEmpty()) {
                text.append(",\"methods\":[").append(String.join(",", seen.methods)).append(']');
            }
            if (!seen.fields.isEmpty()) {
                text.append(",\"fields\":[").append(String.join(",", seen.fields)).append(']');
            }
            entries.add(text.append('}').toString());
        }
        return list(entries);
    }

    private static String resources() {
        String patterns = Record.RESOURCES.stream().map(path -> "{\"pattern\":" + quote("\\Q" + path + "\\E") + "}").collect(Collectors.joining(",\n"));
        List<String> bundles = new ArrayList<>();
        Record.BUNDLES.forEach((name, locales) -> bundles.add("{\"name\":" + quote(name) + ",\"locales\":["
                        + locales.stream().map(Writer::quote).collect(Collectors.joining(",")) + "]}"));
        return "{\"resources\":{\"includes\":[" + patterns + "]},\n\"bundles\":" + list(bundles) + "}";
    }

    private static String proxies() {
        return list(Record.PROXIES.stream().map(names -> "{\"interfaces\":[" + names.stream().map(Writer::quote).collect(Collectors.joining(",")) + "]}").toList());
    }

    private static String serialization() {
        return list(Record.SERIALIZED.stream().map(name -> "{\"name\":" + quote(name) + "}").toList());
    }

    private static String list(List<String> entries) {
        return "[" + String.join(",\n", entries) + "]\n";
    }

    static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
