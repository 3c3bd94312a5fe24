package argo.agent;

import java.io.IOException;
import java.io.ObjectInputFilter;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Classes that pass through Java serialization, both ways. */
final class Serialization {
    private static final Set<Class<?>> WALKED = ConcurrentHashMap.newKeySet();

    private Serialization() {
    }

    /** Sees every class that is read, through the process's own filter; lets all of them pass. */
    static void watch() {
        try {
            ObjectInputFilter.Config.setSerialFilter(info -> {
                if (info.serialClass() != null) {
                    Record.serialized(info.serialClass());
                }
                return ObjectInputFilter.Status.UNDECIDED;
            });
        } catch (IllegalStateException taken) {
            System.err.println("argo agent: the program has a serial filter of its own; classes that are read are not recorded");
        }
    }

    /** Writes an object of a class not seen before to nowhere, to learn which classes that takes. */
    static void written(Object object) {
        if (object == null || !WALKED.add(object.getClass())) {
            return;
        }
        try (ObjectOutputStream out = new Listing()) {
            out.writeObject(object);
        } catch (IOException notSerializable) {
            Record.serialized(object.getClass());
        }
    }

    private static final class Listing extends ObjectOutputStream {
        Listing() throws IOException {
            super(OutputStream.nullOutputStream());
        }

        @Override
        protected void annotateClass(Class<?> type) {
            Record.serialized(type);
        }
    }
}
