package argo.javascript;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

import org.graalvm.polyglot.Source;

/** The JavaScript that comes with the engine; read while the image is built, so that it is part of the image's heap. */
final class BuiltIn {
    private static final Map<String, Source> SOURCES = read();

    private BuiltIn() {
    }

    /** @throws IllegalArgumentException when there is no such file */
    static Source source(String name) {
        Source source = SOURCES.get(name);
        if (source == null) {
            throw new IllegalArgumentException("no built-in " + name);
        }
        return source;
    }

    private static Map<String, Source> read() {
        Map<String, Source> sources = new TreeMap<>();
        for (String name : text("files.txt").lines().toList()) {
            sources.put(name, Source.newBuilder("js", text(name + ".js"), "argo:" + name).cached(true).buildLiteral());
        }
        return sources;
    }

    private static String text(String file) {
        try (InputStream in = BuiltIn.class.getResourceAsStream("js/" + file)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new IllegalStateException("the engine's own " + file + " cannot be read", unreadable);
        }
    }
}
