import unittest


class DealType(unittest.TestCase):
    def test_analysis_has_costs(self):
        from analysis import analyse

        self.assertTrue(analyse(1, "acquisition")["costs"])


if __name__ == "__main__":
    unittest.main()
