"""Cohere's own client for Python, unmodified: its rerank calls, of both versions."""

import cohere
import httpx

from cases import ADDRESS, Case, run

URL = f"http://{ADDRESS}"
QUERY = "Where does the cat sit?"
DOCUMENTS = ["Prices fell again.", "A cat sits on the mat.", "It may rain."]


def model_for(task):
    """The first model that does this."""
    listed = httpx.get(f"{URL}/openai/v1/models").json()["data"]
    return next(model["id"] for model in listed if model["task"] == task)


class Rerank:
    """What both versions of the API answer alike."""

    def rerank(self, **options):
        asked = {"model": self.model, "query": QUERY, "documents": DOCUMENTS, **options}
        return self.client.rerank(**asked)

    def test_documents_are_sorted(self):
        results = self.rerank().results
        scores = [result.relevance_score for result in results]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual(sorted(result.index for result in results), [0, 1, 2])

    def test_the_best_are_the_first_of_all(self):
        best = self.rerank(top_n=2).results
        every = self.rerank().results
        self.assertEqual([each.index for each in best], [each.index for each in every[:2]])

    def test_scores_are_those_of_the_protocol(self):
        text = {"name": "text", "datatype": "BYTES", "shape": [3], "data": DOCUMENTS}
        query = {"name": "query", "datatype": "BYTES", "shape": [1], "data": [QUERY]}
        body = {"inputs": [text, query]}
        answer = httpx.post(f"{URL}/v2/models/{self.model}/infer", json=body).json()
        scores = answer["outputs"][0]["data"]
        for result in self.rerank().results:
            self.assertAlmostEqual(result.relevance_score, scores[result.index], places=5)

    def test_a_model_of_embeddings_ranks_too(self):
        self.assertEqual(len(self.rerank(model=model_for("embedding")).results), 3)

    def test_errors_have_their_own_classes(self):
        with self.assertRaises(cohere.NotFoundError) as missing:
            self.rerank(model="none")
        self.assertIn("model 'none' is not loaded", str(missing.exception.body))
        with self.assertRaises(cohere.BadRequestError) as empty:
            self.rerank(documents=[])
        self.assertIn("'documents' is empty", str(empty.exception.body))


class CohereV1(Rerank, Case):
    def setUp(self):
        self.client = cohere.Client(api_key="none", base_url=URL)
        self.model = model_for("rerank")

    def test_documents_are_returned(self):
        for result in self.rerank(return_documents=True).results:
            self.assertEqual(result.document.text, DOCUMENTS[result.index])


class CohereV2(Rerank, Case):
    def setUp(self):
        self.client = cohere.ClientV2(api_key="none", base_url=URL)
        self.model = model_for("rerank")


run()
