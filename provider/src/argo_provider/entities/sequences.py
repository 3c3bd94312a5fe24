"""What makes a sequence acceptable: its length with nested ones counted, no cycle, components that exist."""

from __future__ import annotations

from argo_provider.entities.access import resolve_action
from argo_provider.errors import BadRequest, Conflict, NotFound
from argo_provider.model.entities import Action, Exec
from argo_provider.model.identity import Identity
from argo_provider.model.names import FullName
from argo_provider.storage.port import EntityStore


async def check_sequence(store: EntityStore, identity: Identity, name: FullName, exec_: Exec, longest: int) -> None:
    """BadRequest with the contract's text, or Forbidden for a component the caller may not read."""
    if not exec_.components:
        raise BadRequest("No component specified for the sequence.")
    if len(exec_.components) > longest:
        raise BadRequest("Too many actions in the sequence.")
    walk = _Walk(store, identity, name, longest)
    await walk.count(exec_.components, ())


class _Walk:
    """Counts atomic actions depth first; stops at the first breach, so a hostile nest costs at most `longest` steps."""

    def __init__(self, store: EntityStore, identity: Identity, root: FullName, longest: int) -> None:
        self._store = store
        self._identity = identity
        self._root = root
        self._longest = longest
        self._total = 0

    async def count(self, components: tuple[FullName, ...], above: tuple[FullName, ...]) -> None:
        for component in components:
            if component == self._root:
                raise BadRequest("Sequence may not refer to itself.")
            action = await self._component(component)
            if action.name == self._root or action.name in above:
                raise BadRequest("Sequence may not refer to itself.")
            if action.exec.is_sequence:
                await self.count(action.exec.components, (*above, action.name))
            else:
                self._total += 1
                if self._total > self._longest:
                    raise BadRequest("Too many actions in the sequence.")

    async def _component(self, name: FullName) -> Action:
        try:
            return (await resolve_action(self._store, self._identity, name)).action
        except (NotFound, Conflict) as error:
            raise BadRequest("Sequence component does not exist.") from error
