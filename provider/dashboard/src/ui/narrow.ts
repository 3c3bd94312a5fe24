import { useEffect, useState } from "preact/hooks";

const NARROW = matchMedia("(max-width: 760px)");

/** Whether rows are laid out for a narrow window. */
export function useNarrow(): boolean {
    const [narrow, setNarrow] = useState(NARROW.matches);
    useEffect(() => {
        const change = () => setNarrow(NARROW.matches);
        NARROW.addEventListener("change", change);
        return () => NARROW.removeEventListener("change", change);
    }, []);
    return narrow;
}
