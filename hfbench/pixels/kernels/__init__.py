"""Compiled kernels on decoded planes: exact colours at a tenth of the cost of a filter graph, without the GIL.

:func:`~hfbench.pixels.kernels.layouts.layout_of` says whether a plan can be served;
:func:`~hfbench.pixels.kernels.loading.load` compiles or loads; :class:`~hfbench.pixels.kernels.pictures.PictureMaker`
turns planes into image files. What they can't do, and everything where numba is missing, libavfilter does
(:mod:`hfbench.pixels.filters`): it is the reference that tests hold the kernels to.
"""
