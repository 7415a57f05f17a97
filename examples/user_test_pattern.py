"""The same function with Globus' own SDK, without Perdure: to see whether an endpoint works at all.

    pip install globus-compute-sdk
    python user_test_pattern.py ENDPOINT_ID

With Perdure it is, for one job and for a study of many:

    perdure job submit SITE --function torch_test.py:train_wrapper --params '{"lr": 0.01, "batch": 32, "optimizer": "adam"}'
    perdure run torch_test.yaml
"""

import sys

from globus_compute_sdk import Executor
from torch_test import train_wrapper

HPARAMS = {"lr": 0.01, "batch": 32, "optimizer": "adam"}


def main(endpoint_id):
    with Executor(endpoint_id=endpoint_id) as executor:
        print(executor.submit(train_wrapper, HPARAMS).result())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python user_test_pattern.py ENDPOINT_ID")
    main(sys.argv[1])
