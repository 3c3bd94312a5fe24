package argo.function;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import argo.isolate.Failure;
import argo.isolate.Misses;

/** Tells a failure of the closed world, which the ordinary runtime would not have had, from a failure of the function. */
final class ClosedWorld {
    private static final Pattern PROXY = Pattern.compile("Proxy class defined by interfaces \\[(.*?)\\]", Pattern.DOTALL);
    private static final Pattern SERIALIZATION = Pattern.compile("SerializationConstructorAccessor class not found for declaringClass: (\\S+)");

    private ClosedWorld() {
    }

    static Failure explains(Throwable thrown, String words) {
        List<Misses.Miss> misses = new ArrayList<>();
        for (Throwable cause = thrown; cause != null && misses.size() < 8; cause = cause.getCause()) {
            add(misses, "proxy", PROXY, cause);
            add(misses, "serialization", SERIALIZATION, cause);
        }
        misses.addAll(Misses.take());
        return misses.isEmpty() ? Failure.developer(words) : Failure.missing(words, misses);
    }

    private static void add(List<Misses.Miss> misses, String kind, Pattern pattern, Throwable cause) {
        Matcher matcher = pattern.matcher(String.valueOf(cause.getMessage()));
        if (matcher.find()) {
            misses.add(new Misses.Miss(kind, matcher.group(1).replaceAll("(interface |\\s)", "")));
        }
    }
}
