package argo.launcher;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

/** The user's jar and its entry: {@code public static JsonObject main(JsonObject)}, or with JsonArray on either side. */
final class Action {
    private final URLClassLoader loader;
    private final Method forObject;
    private final Method forArray;

    /** @param main {@code pkg.Class} or {@code pkg.Class#method} */
    Action(String main, InputStream base64Jar) throws IOException, ClassNotFoundException, NoSuchMethodException {
        Path jar = saveJar(base64Jar);
        String[] parts = main.split("#", 2);
        String method = parts.length == 2 ? parts[1] : "main";
        loader = new URLClassLoader(new URL[] {jar.toUri().toURL()}, Action.class.getClassLoader());
        Thread.currentThread().setContextClassLoader(loader);
        Class<?> owner = loader.loadClass(parts[0]);
        forObject = entry(owner, method, JsonObject.class);
        forArray = entry(owner, method, JsonArray.class);
        if (forObject == null && forArray == null) {
            throw new NoSuchMethodException(owner.getName() + "." + method
                + ": expected `public static JsonObject " + method + "(JsonObject)`");
        }
    }

    private static Path saveJar(InputStream base64Jar) throws IOException {
        String work = System.getenv("ARGO_WORK");
        Path parent = Path.of(work == null ? System.getProperty("java.io.tmpdir") : work);
        // Not createTempDirectory: its random name costs a cold start the security providers.
        Path folder = Files.createDirectory(parent.resolve("action-" + ProcessHandle.current().pid() + "-" + System.nanoTime()));
        Path jar = folder.resolve("action.jar");
        Files.copy(Base64.getMimeDecoder().wrap(base64Jar), jar);
        try (InputStream content = Files.newInputStream(jar)) {
            if (content.read() != 'P' || content.read() != 'K') {
                throw new IOException("The code is not a jar.");
            }
        }
        return jar;
    }

    private static Method entry(Class<?> owner, String name, Class<?> parameter) {
        try {
            Method method = owner.getMethod(name, parameter);
            boolean fits = Modifier.isStatic(method.getModifiers())
                && JsonElement.class.isAssignableFrom(method.getReturnType());
            method.setAccessible(true); // a public method of a class that is not public
            return fits ? method : null;
        } catch (NoSuchMethodException none) {
            return null;
        }
    }

    /** Calls the entry; what the function throws comes as the cause of an InvocationTargetException. */
    JsonElement call(JsonElement args) throws InvocationTargetException, IllegalAccessException {
        Thread.currentThread().setContextClassLoader(loader);
        Method entry = args.isJsonArray() ? forArray : forObject;
        if (entry == null) {
            throw new IllegalArgumentException("The action takes no JSON " + (args.isJsonArray() ? "array" : "object") + ".");
        }
        return (JsonElement) entry.invoke(null, args);
    }
}
