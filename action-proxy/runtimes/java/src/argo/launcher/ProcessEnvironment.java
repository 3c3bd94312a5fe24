package argo.launcher;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Map;

/**
 * Sets environment variables that {@code System.getenv} then shows, as actions expect of every runtime.
 * The JVM offers no way, so this writes to its own copy (opened by --add-opens java.base/java.lang=ALL-UNNAMED).
 */
final class ProcessEnvironment {
    private static final int INFLATION = 15; // calls; sun.reflect.inflationThreshold

    private final Map<Object, Object> variables;
    private final Method newName;
    private final Method newValue;

    @SuppressWarnings("unchecked")
    ProcessEnvironment() {
        try {
            Class<?> owner = Class.forName("java.lang.ProcessEnvironment");
            Field field = owner.getDeclaredField("theEnvironment");
            field.setAccessible(true);
            variables = (Map<Object, Object>) field.get(null);
            newName = accessible("java.lang.ProcessEnvironment$Variable");
            newValue = accessible("java.lang.ProcessEnvironment$Value");
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException("This JVM keeps its environment elsewhere.", error);
        }
    }

    private static Method accessible(String name) throws ReflectiveOperationException {
        Method method = Class.forName(name).getMethod("valueOf", String.class);
        method.setAccessible(true);
        return method;
    }

    /** The JVM makes classes of its own for what is called by reflection often; a variable is, twice. */
    void rehearse() {
        String path = System.getenv("PATH");
        for (int call = 0; path != null && call <= INFLATION; call++) {
            set("PATH", path);
        }
    }

    synchronized void set(String name, String value) {
        try {
            variables.put(newName.invoke(null, name), newValue.invoke(null, value));
        } catch (ReflectiveOperationException error) {
            throw new IllegalArgumentException("The environment cannot hold the variable '" + name + "'.", error);
        }
    }
}
