"""The works that a Methods paragraph cites."""

WORKS = {
    "healthygan": "Rahman Siddiquee MM, Shah J, Wu T, Chong C, Schwedt T, Li B. HealthyGAN: "
    "Learning from Unannotated Medical Images to Detect Anomalies Associated with Human Disease. "
    "SASHIMI 2022, LNCS 13570.",
    "monai": "Cardoso MJ, Li W, Brown R, et al. MONAI: An open-source framework for deep learning "
    "in healthcare. arXiv:2211.02701, 2022.",
    "wgan-gp": "Gulrajani I, Ahmed F, Arjovsky M, Dumoulin V, Courville A. Improved training of "
    "Wasserstein GANs. NeurIPS 2017.",
    "adam": "Kingma DP, Ba J. Adam: A method for stochastic optimization. ICLR 2015.",
    "fid": "Heusel M, Ramsauer H, Unterthiner T, Nessler B, Hochreiter S. GANs trained by a two "
    "time-scale update rule converge to a local Nash equilibrium. NeurIPS 2017.",
    "aucp": "Rahman Siddiquee MM, Shah J, Wu T, et al. Brainomaly: Unsupervised neurologic disease "
    "detection utilizing unannotated T1-weighted brain MR images. WACV 2024.",
    "projected": "Sauer A, Chitta K, Müller J, Geiger A. Projected GANs converge faster. NeurIPS "
    "2021.",
    "diffaugment": "Zhao S, Liu Z, Lin J, Zhu J-Y, Han S. Differentiable augmentation for "
    "data-efficient GAN training. NeurIPS 2020.",
    "youden": "Youden WJ. Index for rating diagnostic tests. Cancer 1950;3:32-35.",
    "conformal": "Bates S, Candès E, Lei L, Romano Y, Sesia M. Testing for outliers with conformal "
    "p-values. Annals of Statistics 2023;51(1):149-178.",
    "hierarchical": "Lee Y, Barber RF, Willett R. Distribution-free inference with hierarchical "
    "data. arXiv:2306.06342, 2023.",
    "pointing": "Zhang J, Bargal SA, Lin Z, Brandt J, Shen X, Sclaroff S. Top-down neural "
    "attention by excitation backprop. Int J Comput Vis 2018;126:1084-1102.",
    "pro": "Bergmann P, Batzner K, Fauser M, Sattlegger D, Steger C. The MVTec anomaly detection "
    "dataset. Int J Comput Vis 2021;129:1038-1059.",
    "exact": "Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in the "
    "case of the binomial. Biometrika 1934;26:404-413.",
    "bootstrap": "Efron B, Tibshirani RJ. An Introduction to the Bootstrap. Chapman & Hall, 1993.",
}
