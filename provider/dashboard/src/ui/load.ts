// Reading something for a page: the value, the error, and how to read it again.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { asApiError, type ApiError } from "../api/client";

export interface Loaded<T> {
    value: T | null;
    error: ApiError | null;
    reload: () => void;
}

/** `read` is called at first, when one of `inputs` changes, and by `reload`. What was there stays until the new is. */
export function useLoad<T>(read: () => Promise<T>, inputs: readonly unknown[]): Loaded<T> {
    const [value, setValue] = useState<T | null>(null);
    const [error, setError] = useState<ApiError | null>(null);
    const turn = useRef(0);
    const reload = useCallback(() => {
        const mine = ++turn.current;
        read().then(
            (found) => {
                if (mine !== turn.current) return;
                setValue(() => found);
                setError(null);
            },
            (thrown: unknown) => {
                if (mine === turn.current) setError(asApiError(thrown));
            },
        );
    }, inputs);
    useEffect(() => {
        reload();
        return () => {
            turn.current += 1;
        };
    }, [reload]);
    return { value, error, reload };
}
