package argo.javascript;

/** Thrown by `process.exit`. A ThreadDeath, because that is what no JavaScript catches. */
final class ProcessExit extends ThreadDeath {
    private static final long serialVersionUID = 1L;

    private final int code;

    ProcessExit(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }
}
