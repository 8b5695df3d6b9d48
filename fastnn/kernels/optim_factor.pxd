cpdef adafactor_step(list params, list grads, list row_vars, list col_vars, list variances, list steps, double lr,
                     double beta2_decay=*, eps1=*, double eps2=*, double d=*, double weight_decay=*, bint maximize=*)
