"""Speaks for the real ComputeSerializer: one JSON request a line, one answer a line.

  {"do": "pack", "buffers": […]} -> text    {"do": "unpack", "text": …} -> […]
  {"do": "call", "function": code, "payload": …, "serializers": […]} -> what an endpoint would make of it
  {"do": "serialize", "python": expression, "strategy": …} -> text
"""

import json
import sys

from globus_compute_sdk.serialize import ComputeSerializer
from globus_compute_sdk.serialize.concretes import AllDataStrategies, DillDataBase64, JSONData

strategies = {"JSONData": JSONData, "DillDataBase64": DillDataBase64, "AllDataStrategies": AllDataStrategies}


def answer(request):
    serializer = ComputeSerializer()
    if request["do"] == "pack":
        return ComputeSerializer.pack_buffers(request["buffers"])
    if request["do"] == "unpack":
        return ComputeSerializer.unpack_buffers(request["text"])
    if request["do"] == "serialize":
        return ComputeSerializer(strategy_data=strategies[request["strategy"]]()).serialize(eval(request["python"]))
    # As the endpoint's worker does it, `engines/helper.py`.
    function, args, kwargs = serializer.unpack_and_deserialize(request["function"] + request["payload"])
    return ComputeSerializer.serialize_from_list(function(*args, **kwargs), request["serializers"])


for line in sys.stdin:
    try:
        print(json.dumps({"value": answer(json.loads(line))}), flush=True)
    except Exception as error:
        print(json.dumps({"error": "%s: %s" % (type(error).__name__, error)}), flush=True)
