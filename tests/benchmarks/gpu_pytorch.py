"""PyTorch on the device as a contender: its recurrent layers are cuDNN's there."""

import torch

from benchmarks import gpu_library, pytorch
from benchmarks.clock import event_clock, warmed_up


class Contender(pytorch.Contender):
    """The dilated stack on the device; in a rehearsal, on the CPU."""

    def __init__(self, case, start, threads, quick=False, rehearsal=False):
        torch.backends.cudnn.allow_tf32 = False  # TF32 keeps 10 bits of a factor; the other contenders use float32
        torch.backends.cuda.matmul.allow_tf32 = False
        self.rehearsal = rehearsal
        super().__init__(case, start, threads, quick, device="cpu" if rehearsal else "cuda")
        self.clock = warmed_up(self.events(), torch.cuda.empty_cache)

    def events(self):
        """A clock of PyTorch's events; in a rehearsal, of the stand-in's."""
        if self.rehearsal:
            cuda = gpu_library.cupy_module(rehearsal=True).cuda
            return event_clock(cuda.Event, cuda.get_elapsed_time)
        return event_clock(lambda: torch.cuda.Event(enable_timing=True), lambda began, ended: began.elapsed_time(ended))

    def describe(self):
        """Versions, for the head of the report."""
        if self.rehearsal:
            return {"version": f"PyTorch {torch.__version__} on the CPU, no GPU", "threads": "one"}
        cudnn = torch.backends.cudnn.version()
        version = f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN {cudnn}"
        return {"version": version, "threads": "one"}

    def results(self):
        """Loss and gradients; frees the memory for the other contenders."""
        found = super().results()
        torch.cuda.empty_cache()
        return found
