def test_x(told): print(told("docs/data_format.md"))
