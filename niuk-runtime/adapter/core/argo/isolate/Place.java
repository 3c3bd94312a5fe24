package argo.isolate;

import java.util.HashMap;
import java.util.Map;

import org.graalvm.nativeimage.ImageSingletons;

/**
 * A function in an isolate, with what belongs to it alone. Place 0 is there from the start and is the only one of a compiled function; an
 * engine's isolate may hold more, of which one at a time is entered.
 */
final class Place {
    /** A shared heap may hold so much more than one function's limit: what its neighbours keep at rest. */
    private static final long ROOM = 64L << 20;
    private static final Map<Long, Place> OTHERS = new HashMap<>();
    private static Place entered = new Place(functionOfThisImage(), 0);

    final Function function;
    final long room;
    Map<String, String> variables = Map.of();
    boolean begun;
    boolean loaded;

    private Place(Function function, long room) {
        this.function = function;
        this.room = room;
    }

    static Function functionOfThisImage() {
        return ImageSingletons.lookup(Function.class);
    }

    /** Where init and run are. */
    static Place entered() {
        return entered;
    }

    /** False where this image's isolates hold one function. */
    static boolean enter(long number) {
        Place place = OTHERS.get(number);
        if (place == null) {
            Function another = functionOfThisImage().another();
            if (another == null) {
                return false;
            }
            place = new Place(another, ROOM);
            OTHERS.put(number, place);
        }
        entered = place;
        Environment.ofFunction(place.variables);
        return true;
    }

    /** False where there is no such place. What is entered next must be said before the next run. */
    static boolean leave(long number) {
        Place place = OTHERS.remove(number);
        if (place != null) {
            place.function.close();
        }
        return place != null;
    }
}
