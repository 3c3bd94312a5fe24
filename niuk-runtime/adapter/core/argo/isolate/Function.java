package argo.isolate;

/** What a function library runs: one function, loaded once in the life of an isolate. The one of this image is an image singleton. */
public interface Function {

    /** JSON object that tells hosts what this library is: kind, main, runtime. */
    String describe();

    /**
     * Loads the function.
     *
     * @param code UTF-8 source or the bytes of a zip; null where the function is compiled in
     * @throws Failure for what the developer must mend, in the words of the ordinary runtime
     */
    void init(InitRequest request, byte[] code) throws Exception;

    /** Runs it once: a JSON object in UTF-8 in, a JSON object in UTF-8 out. Anything thrown goes through {@link #failureOf}. */
    byte[] run(byte[] params) throws Exception;

    /** Tells what something thrown by {@link #run} or {@link #init} comes to. */
    Failure failureOf(Throwable thrown, boolean duringInit);

    /** The same library's function object for one more function in this isolate; null where an isolate holds one. */
    default Function another() {
        return null;
    }

    /** The function goes, its isolate stays. */
    default void close() {
    }

    /** Can the function start threads? Where not, those that there are belong to the engine. */
    boolean startsThreads();
}
