"""Items that the tests of the LangGraph store put and look for."""


def keys(items):
    return [item.key for item in items]


def fill(store, namespace=("docs",)):
    store.put(namespace, "tea", {"text": "Ann likes green tea", "n": 1, "kind": "drink"})
    store.put(namespace, "coffee", {"text": "Bob drinks black coffee", "n": 2, "kind": "drink"})
    store.put(
        namespace, "chess", {"text": "Carl plays chess on Sundays", "n": 3, "kind": "game", "at": {"city": "Porto"}}
    )
