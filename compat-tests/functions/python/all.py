import os
import sys


def main(args):
    if "say" in args:
        print("out " + args["say"])
        print("err " + args["say"], file=sys.stderr)
    if "fail" in args:
        raise ValueError(args["fail"])
    if "list" in args:
        return [*args["list"], "python"]
    if "env" in args:
        return {"value": os.environ.get(args["env"])}
    return {"greeting": "Hello " + args.get("name", "stranger")}
