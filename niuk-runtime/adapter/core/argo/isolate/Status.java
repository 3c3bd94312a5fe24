package argo.isolate;

/** The numbers of `enum argo_status` in include/argo_isolate.h. */
public final class Status {
    public static final int OK = 0;
    public static final int DEVELOPER_ERROR = 1;
    public static final int MISSING = 2;
    public static final int UNSUPPORTED = 3;
    public static final int OUT_OF_MEMORY = 4;
    public static final int CANCELLED = 5;
    public static final int EXITED = 6;
    public static final int BAD_REQUEST = 7;
    public static final int FATAL = 8;

    private Status() {
    }
}
