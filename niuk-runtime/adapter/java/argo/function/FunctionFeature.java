package argo.function;

import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.lang.module.ModuleReader;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Path;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.LongStream;
import java.util.stream.Stream;

import org.graalvm.nativeimage.ImageSingletons;
import org.graalvm.nativeimage.hosted.Feature;
import org.graalvm.nativeimage.hosted.RuntimeClassInitialization;
import org.graalvm.nativeimage.hosted.RuntimeReflection;
import org.graalvm.nativeimage.hosted.RuntimeResourceAccess;

import com.google.gson.JsonObject;

import argo.isolate.Function;
import argo.isolate.Misses;

/**
 * Ties the user's jar into the image at build time. Told by system properties of the builder: `argo.jar`, the jar's path; `argo.main`,
 * `Class` or `Class#method`; `argo.runtime`, words for `describe`.
 */
public final class FunctionFeature implements Feature {
    private static final int MOST_RESOURCE_BYTES = 32 << 20;
    private static final Set<String> NOT_RESOURCES = Set.of("META-INF/MANIFEST.MF", "META-INF/INDEX.LIST");

    @Override
    public void beforeAnalysis(BeforeAnalysisAccess access) {
        Method main = mainMethod(access, System.getProperty("argo.main"));
        main.setAccessible(true);
        RuntimeClassInitialization.initializeAtBuildTime(JsonReader.class, JsonWriter.class); // their VarHandle is a constant then
        RuntimeReflection.register(main);
        ImageSingletons.add(Function.class, new JavaFunction(main, System.getProperty("argo.runtime", "native-image")));
        try (JarFile jar = new JarFile(Path.of(System.getProperty("argo.jar")).toFile())) {
            addResources(jar, main.getDeclaringClass().getModule());
            ImageSingletons.add(Misses.class, new Misses(classesOf(jar), classesOfJdk()));
        } catch (IOException unreadable) {
            throw new IllegalStateException("the action's jar cannot be read: " + unreadable.getMessage(), unreadable);
        }
    }

    private static Method mainMethod(BeforeAnalysisAccess access, String main) {
        int hash = main.indexOf('#');
        String name = hash < 0 ? main : main.substring(0, hash);
        String method = hash < 0 ? "main" : main.substring(hash + 1);
        Class<?> type = access.findClassByName(name);
        if (type == null) {
            throw new IllegalArgumentException("argo: java.lang.ClassNotFoundException: " + name);
        }
        try {
            Method found = type.getMethod(method, JsonObject.class);
            if (found.getReturnType() == JsonObject.class && Modifier.isStatic(found.getModifiers())) {
                return found;
            }
        } catch (NoSuchMethodException absent) {
            throw new IllegalArgumentException("argo: java.lang.NoSuchMethodException: " + name + "." + method + "(com.google.gson.JsonObject)", absent);
        }
        throw new IllegalArgumentException("argo: java.lang.NoSuchMethodException: " + method);
    }

    /** All of the jar's resources: then none can be missing. @throws IllegalStateException beyond 32 MiB */
    private static void addResources(JarFile jar, Module module) throws IOException {
        long total = 0;
        for (JarEntry entry : jar.stream().filter(FunctionFeature::isResource).toList()) {
            try (InputStream in = jar.getInputStream(entry)) {
                byte[] bytes = in.readNBytes(MOST_RESOURCE_BYTES);
                total += bytes.length;
                if (total >= MOST_RESOURCE_BYTES) {
                    throw new IllegalStateException("argo: the jar's resources are larger than 32 MiB");
                }
                RuntimeResourceAccess.addResource(module, entry.getName(), bytes);
            }
        }
    }

    private static boolean isResource(JarEntry entry) {
        String name = entry.getName();
        return !entry.isDirectory() && !name.endsWith(".class") && !NOT_RESOURCES.contains(name) && !name.startsWith("META-INF/native-image/");
    }

    private static long[] classesOf(JarFile jar) {
        return hashes(jar.stream().map(JarEntry::getName));
    }

    private static long[] classesOfJdk() throws IOException {
        LongStream.Builder hashes = LongStream.builder();
        for (ModuleReference module : ModuleFinder.ofSystem().findAll()) {
            String name = module.descriptor().name();
            if (name.startsWith("java.")) {
                try (ModuleReader reader = module.open(); Stream<String> names = reader.list()) {
                    LongStream.of(hashes(names)).forEach(hashes);
                }
            }
        }
        return hashes.build().sorted().toArray();
    }

    private static long[] hashes(Stream<String> entries) {
        return entries.filter(name -> name.endsWith(".class") && !name.endsWith("-info.class"))
                        .map(name -> name.substring(0, name.length() - ".class".length()).replace('/', '.'))
                        .mapToLong(Misses::hash).sorted().toArray();
    }
}
