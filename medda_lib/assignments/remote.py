"""The protocol between checks and a submission: functions of another process, called with plain data.

In one Python process nothing can be hidden from a student's code, and nothing is safe from it. So
grading uses two. The *worker*, in a sandbox, runs the cells of the submission. The *checker* runs the
master's checks and never sees the submission; what an answer cell defines is there as a *stand-in*
that sends its arguments to the worker and returns what comes back. The worker knows no check, only
calls. Whatever it does to itself, it can only return data, and data earn marks by being right.

What a check may do with a name that an answer cell (`<exercise>-answer`) defines:

- **Functions** are called, with positional and keyword arguments.
- **Plain data** go in and come out: None, bool, int, float, complex, str, list, tuple, dict, set,
  torch tensors (dense, CPU), NumPy arrays and NumPy scalars, torch dtypes. dtype, shape, nan and signed
  zeros are kept, and `requires_grad` of tensors. Subclasses arrive as their base: a named tuple as a
  tuple, a Parameter as a tensor, a defaultdict as a dict. What arrives is a new object, made by the
  checker, so no `==` of the student's can run in a check. A result is never *identical* (`is`) to an
  argument.
- **Gradients** flow through: results carry `requires_grad` as they did in the worker, `.backward()` and
  `torch.autograd.grad` reach all tensors among the arguments, also those inside of lists and dicts and
  parameters of modules (`allow_unused` and a missing gradient included). `torch.no_grad()` around a call
  holds in the worker, too. Not supported: derivatives of derivatives *through* a stand-in (within the
  student's function they are free to differentiate as often as they like).
- **Changed arguments show**: if the function changes a tensor, an array, a list or a dict that it was
  given, or its `requires_grad` or `.grad`, the change is made to the check's own object as well. So
  "leave the argument as it was" is checked as in one process: copy before, compare afterwards.
- **Exceptions** arrive as the nearest built-in class (`ValueError`, `KeyError`, ...; a subclass of the
  student's or of a library as its base) with their text. `try: f([]) except ValueError:` works. Exits,
  `StopIteration` and the like become a RuntimeError.
- **Callables as arguments** (a function or lambda of the check): the worker gets a stand-in; its calls come
  back, run in the checker, and return plain data. Gradients flow through these as well, so
  `torch.autograd.grad(classifier(x).sum(), x)` works within the student's function. At most 20 000 such
  calls for each call.
- **Modules as arguments**: an `nn.Module` built from `torch.nn` classes is copied to the worker (the
  student's code sees a real module: `named_parameters`, hooks and so on). Changes of parameters, buffers,
  `.grad` and `requires_grad` show in the check's module. Modules whose class is defined in a notebook
  are passed as callables only: `lambda x: module(x)`.
- **Generators of random numbers** (`torch.Generator`, `numpy.random.Generator`) are copied with their state.
  The check's own one does not advance, and `torch.manual_seed` in a check does not reach the worker: pass
  a generator or a seed if the numbers matter.
- **Classes and objects** of the student's stay in the worker. The check gets a handle: create one by
  calling the class, call methods, read attributes (plain data or methods), pass the handle back as an
  argument. No operators, no `len`, no `isinstance`, no iteration on handles: ask for plain data.
- **Values** (a constant that the answer cell assigns) are copied when the checks begin.

What does not work, so masters avoid it: looking into functions (`inspect`, `__code__`, signatures), iterating
over a generator that the student returns (it fails; ask for a list), patching what the function uses,
capturing what it prints, printing in checks, importing `medda_lib` in the set-up cell (the checkout does not
exist in the sandbox; the standard library and everything in site-packages does), files.

How a check cell is run: the set-up cell (`setup`) runs in both processes. The submission's cells run in the
worker first, in their order, without checks. Then the *visible* part of each check cell runs in the checker,
each exercise in a namespace of its own (set-up plus stand-ins of all exercises). When all visible parts
are done, the `### BEGIN HIDDEN TESTS ... ### END HIDDEN TESTS` parts run, each in the namespace that its visible part
left. So hidden parts may use names of the visible part, and regions start at column 0 of the cell. A cell of
the submission, and the checks of an exercise, may take 60 seconds each. Thousands of calls are fine: a call
costs less than a millisecond.

What students are told: the message of a failing *visible* check, as it stands. Of a hidden one, nothing but
a hint: inside a hidden part, write comments `# topic: <words>` above the assertions; the words of the last one
above the line that failed are shown ("a further check failed; look again at: <words>"). They name the
rule of the exercise's text, never an input or a value.
"""
