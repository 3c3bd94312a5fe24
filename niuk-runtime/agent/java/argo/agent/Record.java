package argo.agent;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What has been seen so far. */
final class Record {

    /** Of one class: flags as native-image names them, methods and fields as JSON objects. */
    static final class Seen {
        final Set<String> flags = new TreeSet<>();
        final Set<String> methods = new TreeSet<>();
        final Set<String> fields = new TreeSet<>();
    }

    static final Map<String, Seen> TYPES = new TreeMap<>();
    static final Set<String> RESOURCES = new TreeSet<>();
    static final Map<String, Set<String>> BUNDLES = new TreeMap<>();
    static final Set<List<String>> PROXIES = new java.util.LinkedHashSet<>();
    static final Set<String> SERIALIZED = new TreeSet<>();
    private static boolean changed;

    private Record() {
    }

    static synchronized void type(Class<?> type) {
        if (isNameable(type)) {
            seen(type);
        }
    }

    static synchronized void flag(Class<?> type, String flag) {
        if (isNameable(type)) {
            changed |= seen(type).flags.add(flag);
        }
    }

    static synchronized void method(Class<?> type, String name, Class<?>[] parameters) {
        if (isNameable(type)) {
            List<String> types = Arrays.stream(parameters).map(parameter -> Writer.quote(parameter.getTypeName())).toList();
            changed |= seen(type).methods.add("{\"name\":" + Writer.quote(name) + ",\"parameterTypes\":[" + String.join(",", types) + "]}");
        }
    }

    static synchronized void field(Class<?> type, String name) {
        if (isNameable(type)) {
            changed |= seen(type).fields.add("{\"name\":" + Writer.quote(name) + "}");
        }
    }

    static synchronized void resource(String path) {
        changed |= RESOURCES.add(path);
    }

    static synchronized void bundle(String name, Locale locale) {
        changed |= BUNDLES.computeIfAbsent(name, key -> new TreeSet<>()).add(locale.toLanguageTag());
    }

    static synchronized void proxy(Class<?>[] interfaces) {
        List<String> names = new ArrayList<>();
        for (Class<?> each : interfaces) {
            names.add(each.getName());
        }
        changed |= PROXIES.add(names);
    }

    static synchronized void serialized(Class<?> type) {
        if (!type.isPrimitive() && !type.isHidden()) {
            changed |= SERIALIZED.add(type.getName());
        }
    }

    /** True once for everything recorded since the last call. */
    static synchronized boolean takeChanged() {
        boolean was = changed;
        changed = false;
        return was;
    }

    /** Hidden classes and proxies have names that mean nothing in another world; arrays of primitives are always there. */
    private static boolean isNameable(Class<?> type) {
        return !type.isPrimitive() && !type.isHidden() && !java.lang.reflect.Proxy.isProxyClass(type) && !type.getName().startsWith("argo.agent.");
    }

    private static Seen seen(Class<?> type) {
        return TYPES.computeIfAbsent(type.getName(), name -> {
            changed = true;
            return new Seen();
        });
    }
}
