"""A client as Caikit's own: requests are learned by reflection, as caikit-nlp-client does, and answers are read by the
data model of the `caikit` package. (caikit-nlp-client itself only knows text generation.)"""

import json
import urllib.error
import urllib.request

import grpc
import numpy
from caikit.interfaces.nlp.data_model import (
    ClassificationResults,
    EmbeddingResult,
    EmbeddingResults,
    RerankResult,
    RerankResults,
    SentenceSimilarityResult,
    SentenceSimilarityResults,
    TokenClassificationResults,
    TokenizationResults,
)
from caikit.interfaces.runtime.data_model import ModelInfoResponse, RuntimeInfoResponse
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from cases import ADDRESS, Case, run

PACKAGE = "caikit.runtime.Nlp"
INFO = "caikit_data_model.common.runtime"
TIMEOUT_S = 60
TEXTS = ["It rains.", "The sun is out today.", "Grüße aus Köln 🙂"]


class Caikit(Case):
    @classmethod
    def setUpClass(cls):
        cls.channel = grpc.insecure_channel(ADDRESS)
        cls.addClassCleanup(cls.channel.close)
        cls.pool = DescriptorPool(ProtoReflectionDescriptorDatabase(cls.channel))
        cls.models = cls.ask("caikit.runtime.info.InfoService/GetModelsInfo", f"{INFO}.ModelInfoRequest", ModelInfoResponse).models

    @classmethod
    def ask(cls, method, request, answer, metadata=(), **fields):
        """`answer`: a class of Caikit's data model."""
        message = ParseDict(fields, GetMessageClass(cls.pool.FindMessageTypeByName(request))())
        read = answer.get_proto_class().FromString
        call = cls.channel.unary_unary(f"/{method}", type(message).SerializeToString, read)
        return answer.from_proto(call(message, metadata=metadata, timeout=TIMEOUT_S))

    def model_for(self, task):
        """The first model that does this."""
        return next(model.name for model in self.models if (model.metadata or {}).get("task") == task)

    def predict(self, task, answer, model, **fields):
        metadata = [("mm-model-id", model)]
        method = f"{PACKAGE}.NlpService/{task}Predict"
        return self.ask(method, f"{PACKAGE}.{task}Request", answer, metadata, **fields)

    def refused(self, code, pattern, *args, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            self.predict(*args, **fields)
        self.assertEqual(caught.exception.code(), code)
        self.assertRegex(caught.exception.details(), pattern)

    def post(self, task, model, inputs, **parameters):
        body = {"model_id": model, "inputs": inputs, "parameters": parameters}
        request = urllib.request.Request(
            f"http://{ADDRESS}/api/v1/task/{task}",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return json.load(response)

    def embed(self, texts):
        model = self.model_for("embedding")
        found = self.predict("EmbeddingTasks", EmbeddingResults, model, texts=texts)
        return numpy.array([vector.data.values for vector in found.results.vectors])

    def test_info(self):
        self.assertTrue(all(model.loaded and model.size > 0 for model in self.models))
        version = self.ask("caikit.runtime.info.InfoService/GetRuntimeInfo", f"{INFO}.RuntimeInfoRequest", RuntimeInfoResponse)
        self.assertRegex(version.runtime_version, r"^\d+\.\d+")

    def test_embedding(self):
        model = self.model_for("embedding")
        found = self.predict("EmbeddingTask", EmbeddingResult, model, text=TEXTS[0])
        values = found.result.data.values
        self.assertEqual(values.dtype, numpy.float32)
        self.assertEqual(found.producer_id.name, "modelport")
        self.assertGreater(found.input_token_count, 2)
        over_rest = self.post("embedding", model, TEXTS[0])
        numpy.testing.assert_array_equal(
            values, numpy.array(over_rest["result"]["data"]["values"], dtype=numpy.float32)
        )
        self.assertEqual(over_rest["input_token_count"], found.input_token_count)

    def test_embeddings_are_in_the_order_of_their_texts(self):
        together = self.embed(TEXTS)
        self.assertEqual(len(together), len(TEXTS))
        for text, vector in zip(TEXTS, together):
            numpy.testing.assert_allclose(vector, self.embed([text])[0], atol=1e-5)

    def test_similarity_is_the_cosine(self):
        model = self.model_for("embedding")
        vectors = self.embed(TEXTS)
        vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
        one = self.predict(
            "SentenceSimilarityTask", SentenceSimilarityResult, model, source_sentence=TEXTS[0], sentences=TEXTS
        )
        numpy.testing.assert_allclose(one.result.scores, vectors @ vectors[0], atol=1e-5)
        many = self.predict(
            "SentenceSimilarityTasks", SentenceSimilarityResults, model, source_sentences=TEXTS[:2], sentences=TEXTS
        )
        for scores, vector in zip(many.results, vectors[:2]):
            numpy.testing.assert_allclose(scores.scores, vectors @ vector, atol=1e-5)

    def test_rerank(self):
        documents = [{"text": TEXTS[0], "id": 1}, {"_text": TEXTS[1], "tags": ["a", {"b": None}]}, {"text": TEXTS[2]}]
        for task in ("rerank", "embedding"):
            with self.subTest(task):
                model = self.model_for(task)
                found = self.predict("RerankTask", RerankResult, model, query="weather", documents=documents)
                scores = found.result.scores
                self.assertEqual(found.result.query, "weather")
                self.assertEqual(sorted(score.index for score in scores), [0, 1, 2])
                self.assertEqual([score.score for score in scores], sorted((score.score for score in scores), reverse=True))
                for score in scores:
                    self.assertEqual(score.document, documents[score.index])
                    self.assertEqual(score.text, TEXTS[score.index])
                many = self.predict(
                    "RerankTasks", RerankResults, model, queries=["weather", "bread"], documents=documents, top_n=1
                )
                self.assertEqual([ranking.query for ranking in many.results], ["weather", "bread"])
                self.assertEqual([len(ranking.scores) for ranking in many.results], [1, 1])
                self.assertEqual(many.results[0].scores[0].index, scores[0].index)

    def test_classification(self):
        model = self.model_for("classification")
        found = self.predict("TextClassificationTask", ClassificationResults, model, text=TEXTS[0])
        labels = [result.label for result in found.results]
        self.assertEqual(labels, next(each.metadata["labels"] for each in self.models if each.name == model))
        self.assertTrue(all(0 <= result.score <= 1 for result in found.results))

    def test_places_are_those_of_python(self):
        model = self.model_for("embedding")
        text = f"{TEXTS[2]} {TEXTS[0]}"
        found = self.predict("TokenizationTask", TokenizationResults, model, text=text)
        self.assertGreater(found.token_count, len(found.results))
        for token in found.results:
            self.assertEqual(token.text, text[token.start : token.end])
        tagger = self.model_for("token-classification")
        entities = self.predict("TokenClassificationTask", TokenClassificationResults, tagger, text=text)
        for entity in entities.results:
            self.assertEqual(entity.word, text[entity.start : entity.end])
            self.assertGreater(entity.token_count, 2)

    def test_truncation(self):
        model = self.model_for("embedding")
        most = next(each.metadata["max_tokens"] for each in self.models if each.name == model)
        long = "word " * int(most * 3)
        for limit in (0, int(most) + 1):
            self.refused(
                grpc.StatusCode.INVALID_ARGUMENT,
                r"exceeds the maximum sequence length for this model \(\d+\) for text at index: 0",
                "EmbeddingTask",
                EmbeddingResult,
                model,
                text=long,
                truncate_input_tokens=limit,
            )
        for limit, count in ((-1, int(most)), (5, 5)):
            found = self.predict("EmbeddingTask", EmbeddingResult, model, text=long, truncate_input_tokens=limit)
            self.assertEqual(found.input_token_count, count)

    def test_errors(self):
        model = self.model_for("rerank")
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        self.refused(grpc.StatusCode.NOT_FOUND, "nobody", "EmbeddingTask", EmbeddingResult, "nobody", text="a")
        self.refused(invalid, "rerank", "EmbeddingTask", EmbeddingResult, model, text="a")
        self.refused(invalid, "Cannot rerank without", "RerankTask", RerankResult, model, query="a")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.post("embedding", "nobody", "a")
        failure = json.load(caught.exception)
        self.assertEqual(failure["code"], 404)
        self.assertIn("nobody", failure["details"])


if __name__ == "__main__":
    run()
