package argo.isolate;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** A standard stream of the function: what is written goes to the host with the invocation it belongs to. */
public final class Output extends OutputStream {
    public static final int STDOUT = 1;
    public static final int STDERR = 2;

    /** Where what is written goes. */
    public interface Sink {
        void output(long invocation, int stream, byte[] bytes, int offset, int length);
    }

    private static Sink sink;

    private final int stream;

    public Output(int stream) {
        this.stream = stream;
    }

    public static void to(Sink destination) {
        sink = destination;
    }

    static PrintStream printer(int stream) {
        return new PrintStream(new Output(stream), true, StandardCharsets.UTF_8);
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[]{(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        sink.output(FunctionIsolate.invocationOfCaller(), stream, bytes, offset, length);
    }
}
