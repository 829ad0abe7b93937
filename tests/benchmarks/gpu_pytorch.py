"""PyTorch on the device as a contender: its recurrent layers are cuDNN's there."""

import torch

from benchmarks import gpu_library, pytorch
from benchmarks.clock import after_one_that_does_not_count, event_clock


class Contender(pytorch.Contender):
    """The dilated stack on the device; to rehearse, on the CPU."""

    def __init__(self, case, start, threads, quick=False, rehearsal=False):
        torch.backends.cudnn.allow_tf32 = False  # its products would keep 10 bits; all compute in float32
        torch.backends.cuda.matmul.allow_tf32 = False
        self.rehearsal = rehearsal
        super().__init__(case, start, threads, quick, device="cpu" if rehearsal else "cuda")
        self.clock = after_one_that_does_not_count(self.events(), torch.cuda.empty_cache)

    def events(self):
        """A clock by events of PyTorch's, or to rehearse of the stand-in's."""
        if self.rehearsal:
            cuda = gpu_library.module(rehearsal=True).cuda
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
        """Loss and gradients; the memory goes back, so that other contenders find it free."""
        found = super().results()
        torch.cuda.empty_cache()
        return found
