"""``python -m parity [name ...]`` (in tests/): what fails, in words; all samples with FASTNN_PARITY=all."""
import sys
from collections import Counter

import torch
from parity import names, runner


def main():
    wanted = sys.argv[1:] or names.SCOPE
    total = Counter()
    for name in wanted:
        function = names.function_of(name)
        if function is None:
            print(f"{name}: missing")
            total["missing"] += 1
            continue
        problems, count, passed = Counter(), 0, 0
        for dtype in (torch.float32, torch.float64):
            for op, i, sample in runner.spread(runner.samples(name, dtype), runner.limit()):
                count += 1
                try:
                    runner.run_sample(op, sample, function)
                    passed += 1
                except Exception as error:
                    text = f"{type(error).__name__}: {str(error)[:250]}"
                    if text not in problems:
                        problems[text] = 0
                        print(f"    {op.full_name} {i} {runner.describe(sample)}\n        {text}"
                              if len(problems) < 5 else "    ...")
                    problems[text] += 1
        errors, raised = 0, 0
        for _, i, case in runner.error_cases(name):
            errors += 1
            try:
                runner.run_error_case(case, function)
                raised += 1
            except Exception as error:
                print(f"    error case {i} {runner.describe(case.sample_input)}\n        {type(error).__name__}: "
                      f"{str(error)[:250]}")
        total.update(samples=count, passed=passed, errors=errors, raised=raised)
        print(f"{name}: {passed}/{count} samples, {raised}/{errors} errors"
              + ("" if passed == count and raised == errors else "   <----"))
    print(dict(total))
    return total["passed"] != total["samples"] or total["raised"] != total["errors"] or total["missing"] > 0


sys.exit(main())
