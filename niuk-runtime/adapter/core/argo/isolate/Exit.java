package argo.isolate;

/** Thrown by `System.exit`. A SecurityException as under the ordinary runtime, which forbids it by a security manager. */
public final class Exit extends SecurityException {
    private static final long serialVersionUID = 1L;

    private final int code;

    Exit(int code) {
        super("System.exit(" + code + ") called from within an action.");
        this.code = code;
    }

    public int code() {
        return code;
    }
}
