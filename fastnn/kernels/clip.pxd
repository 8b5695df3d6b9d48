cpdef double total_norm(arrays, double p=*) except? -1
cpdef scale_arrays(arrays, double factor)
