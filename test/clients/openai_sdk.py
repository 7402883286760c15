"""OpenAI's own client for Python, unmodified."""

import asyncio
import unittest

import httpx
import numpy
import openai

from cases import ADDRESS, Case, run

URL = f"http://{ADDRESS}"
TEXTS = ["A cat sits on the mat.", "Prices fell again.", "Grüße aus Köln 🙂"]


def model_for(client, task):
    """The first model that does this."""
    return next(model.id for model in client.models.list() if model.task == task)


class OpenAi(Case):
    def setUp(self):
        self.client = openai.OpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0)
        self.addCleanup(self.client.close)
        self.model = model_for(self.client, "embedding")

    def embed(self, texts, **options):
        answer = self.client.embeddings.create(model=self.model, input=texts, **options)
        return [numpy.array(item.embedding, dtype=numpy.float32) for item in answer.data]

    def test_models_are_listed_and_retrieved(self):
        listed = {model.id: model for model in self.client.models.list()}
        retrieved = self.client.models.retrieve(self.model)
        self.assertEqual(retrieved.id, self.model)
        self.assertEqual(retrieved.created, listed[self.model].created)
        self.assertEqual(retrieved.object, "model")

    def test_base64_has_the_same_numbers_as_json(self):
        for ours, plain in zip(self.embed(TEXTS), self.embed(TEXTS, encoding_format="float")):
            self.assert_same(ours, plain)

    def test_a_text_alone_is_a_list_of_one(self):
        answer = self.client.embeddings.create(model=self.model, input=TEXTS[0])
        self.assertEqual([item.index for item in answer.data], [0])
        self.assertEqual(answer.object, "list")
        self.assertGreater(answer.usage.prompt_tokens, 2)
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens)

    def test_the_order_is_that_of_the_texts(self):
        texts = [f"{'rain ' * (at * 7 % 11)}{at}" for at in range(300)]
        together = self.embed(texts)
        for at in (0, 7, 150, 299):
            (alone,) = self.embed(texts[at])
            numpy.testing.assert_allclose(together[at], alone, atol=1e-5)

    def test_the_most_texts(self):
        self.assertEqual(len(self.embed(["a"] * 2048)), 2048)
        with self.assertRaisesRegex(openai.BadRequestError, "2049 items, expected at most 2048"):
            self.embed(["a"] * 2049)

    def test_tokens_are_as_good_as_the_text(self):
        body = {"model": self.model, "inputs": TEXTS[0]}
        (tokens,) = httpx.post(f"{URL}/tokenize", json=body).json()
        ids = [token["id"] for token in tokens]
        numpy.testing.assert_allclose(self.embed(ids)[0], self.embed(TEXTS[0])[0], atol=1e-6)
        numpy.testing.assert_allclose(self.embed([ids])[0], self.embed(TEXTS[0])[0], atol=1e-6)

    def test_dimensions_are_cut_to_a_vector_of_length_1(self):
        (whole,) = self.embed(TEXTS[0])
        (cut,) = self.embed(TEXTS[0], dimensions=5)
        expected = whole[:5] / numpy.linalg.norm(whole[:5])
        numpy.testing.assert_allclose(cut, expected, atol=1e-6)
        with self.assertRaisesRegex(openai.BadRequestError, "dimensions is"):
            self.embed(TEXTS[0], dimensions=len(whole) + 1)

    def test_every_wire_gives_the_same_vector(self):
        ours = self.embed(TEXTS)
        tei = httpx.post(f"{URL}/embed", json={"model": self.model, "inputs": TEXTS}).json()
        tensor = {"name": "text", "datatype": "BYTES", "shape": [len(TEXTS)], "data": TEXTS}
        v2 = httpx.post(f"{URL}/v2/models/{self.model}/infer", json={"inputs": [tensor]}).json()
        v1 = httpx.post(f"{URL}/v1/models/{self.model}:predict", json={"instances": TEXTS}).json()
        v2_rows = numpy.array(v2["outputs"][0]["data"]).reshape(v2["outputs"][0]["shape"])
        for at, vector in enumerate(ours):
            for other in (tei[at], v2_rows[at], v1["predictions"][at]):
                numpy.testing.assert_allclose(vector, numpy.float32(other), atol=1e-5)

    def test_errors_have_their_own_classes(self):
        with self.assertRaises(openai.NotFoundError) as missing:
            self.client.embeddings.create(model="none", input="a")
        self.assertEqual(missing.exception.code, "model_not_found")
        with self.assertRaises(openai.BadRequestError) as empty:
            self.embed("")
        self.assertEqual(empty.exception.type, "invalid_request_error")
        with self.assertRaises(openai.BadRequestError) as unknown:
            self.embed("a", extra_body={"pooling": "cls"})
        self.assertEqual(unknown.exception.param, "pooling")
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("none")

    def test_texts_that_are_too_long_are_refused_or_cut(self):
        long = "word " * 5000
        with self.assertRaisesRegex(openai.BadRequestError, r"text 1 has \d+ tokens"):
            self.embed(["a", long])
        self.assertEqual(len(self.embed([long], extra_body={"truncate_prompt_tokens": -1})), 1)

    def test_the_path_of_kserve(self):
        url = f"{URL}/openai/v1"
        with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
            answer = client.embeddings.create(model=self.model, input=TEXTS[0])
            vector = numpy.array(answer.data[0].embedding, dtype=numpy.float32)
            numpy.testing.assert_allclose(vector, self.embed(TEXTS[0])[0], atol=1e-6)
            self.assertEqual(client.models.retrieve(self.model).id, self.model)


class OpenAiAsync(Case, unittest.IsolatedAsyncioTestCase):
    async def test_many_calls_at_once(self):
        async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="none") as client:
            models = [model async for model in client.models.list()]
            model = next(each.id for each in models if each.task == "embedding")
            texts = [f"text number {at}" for at in range(64)]
            answers = await asyncio.gather(
                *(client.embeddings.create(model=model, input=text) for text in texts)
            )
            together = await client.embeddings.create(model=model, input=texts)
            for answer, item in zip(answers, together.data):
                numpy.testing.assert_allclose(answer.data[0].embedding, item.embedding, atol=1e-5)


run()
