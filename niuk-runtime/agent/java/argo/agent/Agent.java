package argo.agent;

import java.lang.instrument.Instrumentation;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Records what a closed world must know of a program: `-javaagent:argo-agent.jar=FOLDER`. The folder then holds native-image's JSON
 * files, renewed about once a second while something new is seen and once at the end.
 */
public final class Agent {
    private static final List<String> ASM = List.of("jdk.internal.org.objectweb.asm", "jdk.internal.org.objectweb.asm.commons");

    private Agent() {
    }

    public static void premain(String folder, Instrumentation instrumentation) {
        if (folder == null || folder.isEmpty()) {
            System.err.println("argo agent: say where to write: -javaagent:argo-agent.jar=FOLDER");
            return;
        }
        Set<String> packages = Object.class.getModule().getPackages();
        if (!packages.containsAll(ASM)) {
            System.err.println("argo agent: this Java (" + System.getProperty("java.version") + ") is not one of 17 to 23; nothing is recorded");
            return;
        }
        Set<Module> self = Set.of(Agent.class.getModule());
        instrumentation.redefineModule(Object.class.getModule(), Set.of(), Map.of(ASM.get(0), self, ASM.get(1), self), Map.of(), Set.of(), Map.of());
        Serialization.watch();
        instrumentation.addTransformer(new CallSites());
        Writer.start(Path.of(folder));
    }
}
