package argo.isolate.svm;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;

import org.graalvm.nativeimage.MissingReflectionRegistrationError;

import argo.isolate.Misses;

/** Translates native-image's own words for a reflective miss. */
final class ReflectionMisses {

    private ReflectionMisses() {
    }

    static void record(MissingReflectionRegistrationError error) {
        Class<?> declaring = error.getDeclaringClass();
        String element = error.getElementName();
        if (declaring == null) {
            Misses.lookedUpClass(element);
        } else {
            String name = declaring.getName() + "#" + element + parameters(error.getParameterTypes());
            Misses.lookedUpMember(kind(error.getElementType()), declaring.getName(), name);
        }
    }

    private static String kind(Class<?> type) {
        if (type == Field.class) {
            return "field";
        }
        return type == Constructor.class ? "constructor" : "method";
    }

    private static String parameters(Class<?>[] types) {
        if (types == null) {
            return "";
        }
        StringBuilder text = new StringBuilder("(");
        for (Class<?> type : types) {
            text.append(text.length() == 1 ? "" : ",").append(type.getTypeName());
        }
        return text.append(')').toString();
    }
}
