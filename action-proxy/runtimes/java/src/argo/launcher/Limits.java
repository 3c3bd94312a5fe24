package argo.launcher;

/** Bounds that a driver may set. */
final class Limits {
    private Limits() {
    }

    static int fromEnvironment(String name, int otherwise) {
        String text = System.getenv(name);
        return text == null || text.isEmpty() ? otherwise : (int) Math.min(Integer.MAX_VALUE - 64, Long.parseLong(text));
    }
}
