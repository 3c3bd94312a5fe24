import { href } from "../router";
import { Empty } from "../ui/basics";

export function NotFoundPage() {
    return (
        <Empty title="There is no such page" whole>
            <p>
                <a href={href("functions")}>To your functions</a>
            </p>
        </Empty>
    );
}
