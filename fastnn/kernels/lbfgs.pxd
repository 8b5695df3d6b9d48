cpdef tuple lbfgs_direction(object grad, list dirs, list stps, object ro, double h_diag=*)
