"""All modules, one file per family."""
from fastnn.nn.modules.activation import (CELU, ELU, GELU, GLU, SELU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh,
                                          LeakyReLU, LogSigmoid, LogSoftmax, Mish, PReLU, ReLU, ReLU6, RReLU, Sigmoid,
                                          SiLU, Softmax, Softmax2d, Softmin, Softplus, Softshrink, Softsign, Step, Tanh,
                                          Tanhshrink, Threshold)
from fastnn.nn.modules.attention import MultiheadAttention
from fastnn.nn.modules.batchnorm import (BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm1d, InstanceNorm2d,
                                         InstanceNorm3d, LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d,
                                         LazyInstanceNorm1d, LazyInstanceNorm2d, LazyInstanceNorm3d, SyncBatchNorm)
from fastnn.nn.modules.channelshuffle import ChannelShuffle
from fastnn.nn.modules.container import ModuleDict, ModuleList, Sequential
from fastnn.nn.modules.conv import (Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, LazyConv1d, LazyConv2d,
                                    LazyConvTranspose1d, LazyConvTranspose2d)
from fastnn.nn.modules.distance import CosineSimilarity, PairwiseDistance
from fastnn.nn.modules.dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout
from fastnn.nn.modules.flatten import Flatten, Unflatten
from fastnn.nn.modules.fold import Fold, Unfold
from fastnn.nn.modules.linear import Bilinear, Identity, LazyLinear, Linear
from fastnn.nn.modules.loss import (BCELoss, BCEWithLogitsLoss, CosineEmbeddingLoss, CrossEntropyLoss, CTCLoss,
                                    GaussianNLLLoss, HingeEmbeddingLoss, HuberLoss, KLDivLoss, L1Loss,
                                    MarginRankingLoss, MSELoss, MultiLabelMarginLoss, MultiLabelSoftMarginLoss,
                                    MultiMarginLoss, NLLLoss, PoissonNLLLoss, SmoothL1Loss, SoftMarginLoss,
                                    TripletMarginLoss, TripletMarginWithDistanceLoss)
from fastnn.nn.modules.module import Module
from fastnn.nn.modules.normalization import GroupNorm, LayerNorm, LocalResponseNorm, RMSNorm
from fastnn.nn.modules.padding import (CircularPad1d, CircularPad2d, CircularPad3d, ConstantPad1d, ConstantPad2d,
                                       ConstantPad3d, ReflectionPad1d, ReflectionPad2d, ReflectionPad3d,
                                       ReplicationPad1d, ReplicationPad2d, ReplicationPad3d, ZeroPad1d, ZeroPad2d,
                                       ZeroPad3d)
from fastnn.nn.modules.parameter_containers import ParameterDict, ParameterList
from fastnn.nn.modules.pixelshuffle import PixelShuffle, PixelUnshuffle
from fastnn.nn.modules.pooling import (AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool1d,
                                       AdaptiveMaxPool2d, AvgPool1d, AvgPool2d, LPPool1d, LPPool2d, MaxPool1d,
                                       MaxPool2d, MaxPool3d, MaxUnpool1d, MaxUnpool2d, MaxUnpool3d)
from fastnn.nn.modules.rnn import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNBase, RNNCell, RNNCellBase
from fastnn.nn.modules.sparse import Embedding, EmbeddingBag
from fastnn.nn.modules.transformer import (Transformer, TransformerDecoder, TransformerDecoderLayer, TransformerEncoder,
                                           TransformerEncoderLayer)
from fastnn.nn.modules.upsampling import Upsample, UpsamplingBilinear2d, UpsamplingNearest2d
from fastnn.nn.modules.volumes import (AdaptiveMaxPool3d, AvgPool3d, ConvTranspose3d, LazyConv3d, LazyConvTranspose3d,
                                        LPPool3d)

__all__ = [name for name in sorted(globals()) if isinstance(globals()[name], type)]
