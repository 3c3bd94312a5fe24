package argo.javascript;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

import argo.isolate.Failure;

/** A zip of modules in memory, mounted at /; never on a disk. */
final class Archive {
    static final Archive EMPTY = new Archive(Map.of());
    private static final long MOST_BYTES = 256L << 20;
    private static final int MOST_FILES = 65_536;

    private final Map<String, byte[]> files;
    private final Set<String> folders = new HashSet<>();

    private Archive(Map<String, byte[]> files) {
        this.files = files;
        for (String path : files.keySet()) {
            for (int slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
                folders.add(path.substring(0, slash));
            }
        }
        folders.add("/");
    }

    static Archive read(byte[] zip) {
        Map<String, byte[]> files = new HashMap<>();
        long total = 0;
        try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(zip))) {
            for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                if (!entry.isDirectory()) {
                    byte[] bytes = in.readNBytes((int) (MOST_BYTES - total) + 1);
                    total += bytes.length;
                    files.put(normal(entry.getName()), bytes);
                }
                if (total > MOST_BYTES || files.size() > MOST_FILES) {
                    throw Failure.developer("Initialization has failed due to: Error: The archive is too large.");
                }
            }
        } catch (IOException | IllegalArgumentException broken) {
            throw Failure.developer("Initialization has failed due to: Error: The archive cannot be read: " + broken.getMessage());
        }
        if (files.isEmpty()) {
            throw Failure.developer("Initialization has failed due to: Error: The archive is empty or not a zip.");
        }
        return new Archive(files);
    }

    /** "file", "folder" or "" for a path that is not there. */
    String kind(String path) {
        return files.containsKey(path) ? "file" : folders.contains(path) ? "folder" : "";
    }

    /** Null when there is no such file. */
    String text(String path) {
        byte[] bytes = files.get(path);
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    private static String normal(String name) {
        String path = name.replace('\\', '/');
        while (path.startsWith("./") || path.startsWith("/")) {
            path = path.substring(path.indexOf('/') + 1);
        }
        if (("/" + path + "/").contains("/../")) {
            throw new IllegalArgumentException("a path leads out of the archive");
        }
        return "/" + path;
    }
}
