cpdef adam_step(list params, list grads, list exp_avgs, list exp_avg_sqs, list max_exp_avg_sqs, list steps,
                double lr, double beta1=*, double beta2=*, double eps=*, double weight_decay=*, bint decoupled=*,
                bint maximize=*)
cpdef adamax_step(list params, list grads, list exp_avgs, list exp_infs, list steps, double lr, double beta1=*,
                  double beta2=*, double eps=*, double weight_decay=*, bint maximize=*)
cpdef nadam_step(list params, list grads, list exp_avgs, list exp_avg_sqs, list mu_products, list steps, double lr,
                 double beta1=*, double beta2=*, double eps=*, double weight_decay=*, double momentum_decay=*,
                 bint decoupled=*, bint maximize=*)
cpdef radam_step(list params, list grads, list exp_avgs, list exp_avg_sqs, list steps, double lr, double beta1=*,
                 double beta2=*, double eps=*, double weight_decay=*, bint decoupled=*, bint maximize=*)
