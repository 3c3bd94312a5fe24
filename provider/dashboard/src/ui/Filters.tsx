// Filters over a list, kept in the address: a text to search for, and a choice among the tiers.

import { TIERS } from "../api/types";
import { setQuery } from "../router";
import { Icon } from "./Icon";

interface SearchProps {
    /** The address's parameter. */
    name: string;
    query: URLSearchParams;
    /** For who cannot see the field. */
    label: string;
    placeholder: string;
}

/** The shortcut "/" goes to it. */
export function SearchField({ name, query, label, placeholder }: SearchProps) {
    return (
        <label class="search">
            <Icon name="search" />
            <span class="sr">{label}</span>
            <input
                type="search"
                data-search
                placeholder={placeholder}
                value={query.get(name) ?? ""}
                onInput={(event) => setQuery({ [name]: event.currentTarget.value })}
            />
            <kbd>/</kbd>
        </label>
    );
}

/** One tier, or all where none is pressed: parameter `tier`. */
export function TierChips({ query }: { query: URLSearchParams }) {
    const tier = query.get("tier") ?? "";
    return (
        <div class="chips" role="group" aria-label="Tier">
            {TIERS.map((each) => (
                <button
                    type="button"
                    key={each}
                    class={`chip tier-${each}`}
                    aria-pressed={tier === each}
                    onClick={() => setQuery({ tier: tier === each ? "" : each })}
                >
                    {each}
                </button>
            ))}
        </div>
    );
}
