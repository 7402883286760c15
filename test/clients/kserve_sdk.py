"""The inference clients of the KServe SDK, with protocols v1 and v2."""

import unittest

import grpc
import httpx
import numpy
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

from cases import ADDRESS, DATATYPES, Case, empty, example, identity_model, label_list, run, sample

URL = f"http://{ADDRESS}"


def request(model, name, datatype, array, *, binary=True, **options):
    tensor = InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    return InferRequest(model, [tensor], **options)


def rows(model, *values):
    return request(model, "x", "FP32", numpy.array(values, dtype=numpy.float32))


def values_of(response, name):
    """An output as an array. The client makes strings of BYTES that it has read itself."""
    array = response.get_output_by_name(name).as_numpy()
    if array.dtype != numpy.object_:
        return array
    elements = [value.encode() if isinstance(value, str) else value for value in array.flat]
    return numpy.array(elements, numpy.object_).reshape(array.shape)


class KserveRest(Case, unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = InferenceRESTClient(RESTConfig(protocol="v2"))
        self.addAsyncCleanup(self.client.close)

    async def infer(self, data):
        return await self.client.infer(URL, data, model_name=data.model_name)

    async def refused(self, status, pattern, data):
        with self.assertRaisesRegex(httpx.HTTPStatusError, pattern) as caught:
            await self.infer(data)
        self.assertEqual(caught.exception.response.status_code, status)

    async def test_health(self):
        self.assertIs(await self.client.is_server_live(URL), True)
        self.assertIs(await self.client.is_server_ready(URL), True)
        self.assertIs(await self.client.is_model_ready(URL, "digits"), True)
        self.assertIs(await self.client.is_model_ready(URL, "nobody"), False)

    async def test_known_answers_of_the_examples(self):
        for name in ("digits", "digits-batch", "iris"):
            for binary in (True, False):
                with self.subTest(name, binary=binary):
                    model, tensor, array, label = example(name)
                    response = await self.infer(
                        request(model, tensor, "FP32", array, binary=binary)
                    )
                    self.assertEqual(label_list(values_of(response, "label")), label)

    async def test_every_datatype_in_binary_form(self):
        for datatype in DATATYPES:
            with self.subTest(datatype):
                array = sample(datatype)
                wanted = [RequestedOutput("y", parameters={"binary_data": True})]
                response = await self.infer(
                    request(identity_model(datatype), "x", datatype, array, request_outputs=wanted)
                )
                self.assert_same(values_of(response, "y"), array)

    async def test_every_datatype_as_json(self):
        # The client refuses to write FP16 as JSON itself.
        for datatype in (name for name in DATATYPES if name != "FP16"):
            with self.subTest(datatype):
                array = sample(datatype, finite=True)
                response = await self.infer(
                    request(identity_model(datatype), "x", datatype, array, binary=False)
                )
                self.assert_same(values_of(response, "y"), array)

    async def test_empty_tensors(self):
        for binary in (True, False):
            with self.subTest(binary=binary):
                array = empty("FP32")
                response = await self.infer(
                    request(identity_model("FP32"), "x", "FP32", array, binary=binary)
                )
                self.assert_same(values_of(response, "y"), array)

    async def test_the_id_comes_back(self):
        data = rows("add", [1, 2, 3, 4])
        data.id = "id 1"
        response = await self.infer(data)
        self.assertEqual((response.id, response.model_name), ("id 1", "add"))

    async def test_errors_carry_their_text(self):
        await self.refused(404, "nobody.*404", rows("nobody", [1, 2, 3, 4]))
        await self.refused(400, "unexpected shape for input 'x'.*400", rows("add", [1, 2, 3]))
        wrong = request("add", "x", "INT32", numpy.zeros([1, 4], dtype=numpy.int32))
        await self.refused(400, "model expects 'FP32'.*400", wrong)


class KserveV1(Case, unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = InferenceRESTClient(RESTConfig(protocol="v1"))
        self.addAsyncCleanup(self.client.close)

    async def predict(self, model, data):
        return await self.client.infer(URL, data, model_name=model)

    async def test_health(self):
        self.assertIs(await self.client.is_model_ready(URL, "digits"), True)
        # KServe's own server answers so, too: 503, which means False, is for a model that it has.
        with self.assertRaises(httpx.HTTPStatusError) as raised:
            await self.client.is_model_ready(URL, "nobody")
        self.assertEqual(raised.exception.response.status_code, 404)

    async def test_rows(self):
        rows = [[1, 2, 3, 4], [5, 6, 7, 8]]
        # The highest version adds 2.
        added = [[value + 2 for value in row] for row in rows]
        self.assertEqual(await self.predict("add", {"instances": rows}), {"predictions": added})
        response = await self.predict("add", {"inputs": rows})
        self.assertEqual(response, {"predictions": added, "outputs": added})

    async def test_known_answers_of_the_examples(self):
        for name in ("digits", "iris"):
            with self.subTest(name):
                model, _, array, label = example(name)
                response = await self.predict(model, {"instances": array.tolist()})
                predictions = response["predictions"]
                self.assertEqual([row["label"] for row in predictions], label)

    async def test_errors_carry_their_text(self):
        with self.assertRaisesRegex(httpx.HTTPStatusError, "nobody.*404"):
            await self.predict("nobody", {"instances": [[1]]})
        with self.assertRaisesRegex(httpx.HTTPStatusError, "unexpected shape.*400"):
            await self.predict("add", {"instances": [[1, 2, 3]]})


class KserveGrpc(Case, unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = InferenceGRPCClient(ADDRESS)
        self.addAsyncCleanup(self.client.close)

    async def refused(self, code, pattern, data):
        with self.assertLogs(level="ERROR"), self.assertRaises(grpc.RpcError) as caught:
            await self.client.infer(data)
        self.assertEqual(caught.exception.code(), code)
        self.assertRegex(caught.exception.details(), pattern)

    async def test_health(self):
        self.assertIs(await self.client.is_server_live(), True)
        self.assertIs(await self.client.is_server_ready(), True)
        self.assertIs(await self.client.is_model_ready("digits"), True)
        self.assertIs(await self.client.is_model_ready("nobody"), False)

    async def test_known_answers_of_the_examples(self):
        for name in ("digits", "digits-batch", "iris"):
            for binary in (True, False):
                with self.subTest(name, binary=binary):
                    model, tensor, array, label = example(name)
                    response = await self.client.infer(
                        request(model, tensor, "FP32", array, binary=binary)
                    )
                    self.assertEqual(label_list(values_of(response, "label")), label)

    async def test_every_datatype_as_raw_contents(self):
        for datatype in DATATYPES:
            with self.subTest(datatype):
                array = sample(datatype)
                response = await self.client.infer(
                    request(identity_model(datatype), "x", datatype, array)
                )
                self.assert_same(values_of(response, "y"), array)

    async def test_every_datatype_as_typed_contents(self):
        # Typed contents have no field for FP16.
        for datatype in (name for name in DATATYPES if name != "FP16"):
            with self.subTest(datatype):
                array = sample(datatype, finite=True)
                response = await self.client.infer(
                    request(identity_model(datatype), "x", datatype, array, binary=False)
                )
                self.assert_same(values_of(response, "y"), array)

    async def test_errors_carry_their_text(self):
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        await self.refused(grpc.StatusCode.NOT_FOUND, "nobody", rows("nobody", [1, 2, 3, 4]))
        await self.refused(invalid, "unexpected shape for input 'x'", rows("add", [1, 2, 3]))
        wrong = request("add", "x", "INT32", numpy.zeros([1, 4], dtype=numpy.int32))
        await self.refused(invalid, "model expects 'FP32'", wrong)


if __name__ == "__main__":
    run()
