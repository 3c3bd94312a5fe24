package argo.isolate;

import java.nio.charset.StandardCharsets;

import argo.ActionFailed;

/** Calls from this function to other actions. */
public final class Calls {

    private Calls() {
    }

    /**
     * @param params a JSON object in UTF-8
     * @return the action's result, a JSON object in UTF-8
     * @throws ActionFailed when the action ended with an error
     */
    public static byte[] invoke(String action, byte[] params) throws ActionFailed {
        return FunctionIsolate.host().invoke(FunctionIsolate.invocationOfCaller(), action.getBytes(StandardCharsets.UTF_8), params);
    }
}
