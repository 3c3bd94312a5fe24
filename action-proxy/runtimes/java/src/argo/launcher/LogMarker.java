package argo.launcher;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Ends an activation's logs on both streams, whatever the function did to them. */
final class LogMarker {
    private static final byte[] SENTINEL =
        "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n".getBytes(StandardCharsets.US_ASCII);

    private final OutputStream out = ownStream(1, FileDescriptor.out);
    private final OutputStream err = ownStream(2, FileDescriptor.err);

    /** Only for a pipe: a second descriptor of a file would have its own position. */
    private static OutputStream ownStream(int fd, FileDescriptor shared) {
        Path path = Path.of("/proc/self/fd/" + fd);
        try {
            if (Files.readSymbolicLink(path).toString().startsWith("pipe:")) {
                return new FileOutputStream(path.toFile());
            }
        } catch (IOException unreadable) {
            // the pipe belongs to another user: share the descriptor
        }
        return new FileOutputStream(shared);
    }

    synchronized void mark() {
        mark(System.out, out);
        mark(System.err, err);
    }

    private static void mark(PrintStream printed, OutputStream own) {
        if (printed != null) {
            printed.flush();
        }
        try {
            own.write(SENTINEL);
        } catch (IOException closed) {
            // nobody reads this stream any more: it needs no mark
        }
    }
}
