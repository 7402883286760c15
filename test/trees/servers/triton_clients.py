"""Triton's clients, which MLServer's users call it with as well, sent to MLServer and to Modelport.

    triton_clients.py MODELPORT MLSERVER_HTTP MLSERVER_GRPC
"""

import numpy
import tritonclient.grpc
import tritonclient.http

from same import MODELPORT, PEER, PEER_GRPC, ROWS, SameAnswers, run

DATATYPES = {"float32": "FP32", "float64": "FP64", "int64": "INT64"}


class TritonClients(SameAnswers):
    def both(self, triton, peer, options):
        for model, rows in ROWS.items():
            if model == "words-sklearn":
                continue
            with self.subTest(model):
                ours, theirs = (self.infer(triton, address, model, options) for address in (MODELPORT, peer))
                self.assert_same_tensors(ours, theirs)

    def infer(self, triton, address, model, options):
        rows = ROWS[model].astype(numpy.float32)
        client = triton.InferenceServerClient(address)
        self.addCleanup(client.close)
        tensor = triton.InferInput("input-0", rows.shape, "FP32")
        tensor.set_data_from_numpy(rows, **options)
        wanted = [triton.InferRequestedOutput("predict", **options)]
        values = client.infer(model, [tensor], outputs=wanted).as_numpy("predict")
        return [("predict", DATATYPES[str(values.dtype)], values.shape, values)]

    def test_grpc(self):
        self.both(tritonclient.grpc, PEER_GRPC, {})

    def test_http(self):
        # MLServer has no binary form.
        self.both(tritonclient.http, PEER, {"binary_data": False})


if __name__ == "__main__":
    run()
