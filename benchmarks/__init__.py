"""What is measured, and against what: ratios against a floor on the same data, in the same run."""
